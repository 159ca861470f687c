"""Deterministic simulation of the platform: the real Lambdas on a model of AWS, one seed to a history.

- `dynamodb` models the tables, `world` schedules and breaks the AWS calls, `people` are the callers, `rules` judge.
- `operators` runs commands of the CLI side by side with them. A new command that writes gets a line in `COMMANDS`.
- `scenarios` has what random histories meet too rarely; `sown` has the bugs with which the rules are proven.
- `make history SEED=8` tells one history; a seed that once broke a rule goes into `VIOLATED_ONCE`.

A new Lambda needs no line to be invoked. One that takes a stream gets a `StreamMapping` in `people.MAPPINGS`, one on a
schedule runs by its declaration in `services.core.services`. A new operation on quests is used as soon as `allowed`
lists its action; a body's new required field gets a sample in `people`. A new path that writes gets a line in
`scenarios.PATHS`, a new promise a rule, and each rule a sown bug that breaks it.
"""
