-- expect: "error":"no"
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    return false, "no"
  end,
}
