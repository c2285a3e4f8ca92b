-- expect: a hook returns a table
return 42
