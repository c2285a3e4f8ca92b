-- expect: did not end in time and was stopped
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local function again() while true do pcall(again) end end
    again()
  end,
}
