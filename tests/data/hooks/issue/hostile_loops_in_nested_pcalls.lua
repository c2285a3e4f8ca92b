-- expect: its time was over
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local function again() while true do pcall(again) end end
    again()
  end,
}
