-- expect: not enough memory
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local t = {}
    while true do t[#t + 1] = ("x"):rep(1000) .. #t end
  end,
}
