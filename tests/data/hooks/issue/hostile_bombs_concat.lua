-- expect: not enough memory
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local t = {}
    for i = 1, 1000 do t[i] = ("x"):rep(100000) end
    return { certificate = table.concat(t) }
  end,
}
