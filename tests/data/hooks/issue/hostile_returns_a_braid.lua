-- expect: cannot be passed on
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local t = { "x" }
    for _ = 1, 60 do t = { t, t } end
    return { certificate = t }
  end,
}
