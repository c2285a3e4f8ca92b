-- expect: no table
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return nil, "no", 42
  end,
}
