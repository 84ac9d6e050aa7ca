"""The rig of `make bench`: each module measures one thing or starts one kind of program; `benches/run` is the story."""
