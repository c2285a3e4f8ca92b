-- expect: "ok":true
return {
  api = 1,
  doc = "Hostile.",
  issue = function(request)
    local depth = 0
    local function deeper() depth = depth + 1 pcall(deeper) end
    deeper()
    return depth > 10
  end,
}
