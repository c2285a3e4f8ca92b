-- What a library gives is the same at each time.
local words = { count = 0 }
function words.join(...)
  words.count = words.count + 1
  return table.concat({ ... }, " ")
end
return words
