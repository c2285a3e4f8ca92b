-- expect: neither a list
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return { [1] = "a", [3] = "b" }
  end,
}
