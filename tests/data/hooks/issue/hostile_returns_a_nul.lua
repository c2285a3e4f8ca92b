-- expect: a NUL byte
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { certificate = "a\0b" }
  end,
}
