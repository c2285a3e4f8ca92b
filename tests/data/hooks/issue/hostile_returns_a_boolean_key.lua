-- expect: neither a list
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { [true] = "a" }
  end,
}
