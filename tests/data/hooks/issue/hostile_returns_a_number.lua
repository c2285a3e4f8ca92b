-- expect: a number value
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return 42
  end,
}
