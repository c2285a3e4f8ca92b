-- expect: "raised":"
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local function deeper() return coroutine.wrap(deeper)() end
    return deeper()
  end,
}
