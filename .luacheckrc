std = "lua54"
max_line_length = 120
-- Hooks share one signature; not each uses all of it.
unused_args = false

-- Hooks that are wrong on purpose.
exclude_files = { "tests/data" }
