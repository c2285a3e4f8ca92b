-- expect: not enough memory
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local text = "x"
    while true do text = text .. text end
  end,
}
