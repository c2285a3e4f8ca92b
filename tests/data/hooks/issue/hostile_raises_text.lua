-- expect: "raised":"
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    error("one line\nand a \0 and a \27[31m")
  end,
}
