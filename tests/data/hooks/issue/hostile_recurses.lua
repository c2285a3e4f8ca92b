-- expect: not enough memory
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local function deeper() return 1 + deeper() end
    return deeper()
  end,
}
