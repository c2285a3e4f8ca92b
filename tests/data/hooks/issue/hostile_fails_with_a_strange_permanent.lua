-- expect: no boolean
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return nil, "no", { permanent = 1 }
  end,
}
