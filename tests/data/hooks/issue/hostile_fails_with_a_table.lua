-- expect: issue failed without saying why
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return nil, { "no" }
  end,
}
