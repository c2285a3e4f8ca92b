-- expect: C stack overflow
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local function deeper() return (("x"):gsub("x", deeper)) end
    return deeper()
  end,
}
