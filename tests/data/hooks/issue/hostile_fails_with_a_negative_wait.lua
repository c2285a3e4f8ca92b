-- expect: no number of seconds
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return nil, "no", { wait = -1 }
  end,
}
