-- expect: a table within itself
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local t = {}
    t.certificate = t
    return t
  end,
}
