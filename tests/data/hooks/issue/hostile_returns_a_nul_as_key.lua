-- expect: a NUL byte
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { ["a\0b"] = true }
  end,
}
