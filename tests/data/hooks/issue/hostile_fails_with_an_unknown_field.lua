-- expect: unknown field 'until'
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return nil, "no", { ["until"] = 1 }
  end,
}
