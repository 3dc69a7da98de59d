"""Options that say a budget in device-hours, shared by every command that takes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from ..compute import PEAK_FLOPS, hours_to_flops
from ..errors import BudgetError

GpuHours = Annotated[float | None, typer.Option(help="Instead of --flops: device-hours, with --device and --mfu.")]
Device = Annotated[str | None, typer.Option(help=f"With --gpu-hours: {', '.join(PEAK_FLOPS)}.")]
Mfu = Annotated[float | None, typer.Option(help="Share of the device's peak that a run reaches.")]
FlopsPerSecond = Annotated[float | None, typer.Option(help="Instead of --device: the rate of one device.")]


@dataclass(frozen=True)
class Hours:
    """Device-hours as given on the command line by the option `name`, and what a device does."""

    hours: float | None
    device: str | None
    mfu: float | None
    flops_per_second: float | None
    name: str = "gpu-hours"

    def flops(self, given: float | None) -> float | None:
        """FLOP of the hours, or what was given instead of them by an option of the same name with ``flops``.

        Raises
        ------
        BudgetError
            If both were given, or an option of hours without hours.
        """
        if self.hours is None:
            stray = [name for name in ("device", "mfu", "flops_per_second") if getattr(self, name) is not None]
            if stray:
                raise BudgetError(
                    f"--{stray[0].replace('_', '-')} says nothing without --{self.name}: add them or leave it out."
                )
            return given
        if given is not None:
            flops = self.name.replace("gpu-hours", "flops")
            raise BudgetError(f"--{flops} and --{self.name} are two budgets: give one of them.")
        return hours_to_flops(self.hours, device=self.device, utilisation=self.mfu, flops_per_second=self.flops_per_second)
