"""The sampler over shards: few tasks a pass, each writing one file by rename, on any executor.

Reading order: `tasks` (what may be stopped and started again), `folder` (who owns an output folder), `executors` (where
tasks run), `groups` (what one task reads); then the passes, `profiling`, `bins`, `drawing`, with `tally`, `token_cut`,
`manifest`, `duplicates`; documents written, `materialise`, `lines`, `writers`; what is asked and told, `request`,
`reading`, `sample`; and all of it together, `run` and `draw`.
"""
