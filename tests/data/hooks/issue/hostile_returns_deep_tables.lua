-- expect: more than 64 levels
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local t = {}
    for _ = 1, 100000 do t = { t } end
    return t
  end,
}
