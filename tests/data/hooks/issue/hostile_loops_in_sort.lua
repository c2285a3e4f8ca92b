-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local t = {}
    for i = 1, 1000 do t[i] = i end
    table.sort(t, function(a, b) while true do end end)
  end,
}
