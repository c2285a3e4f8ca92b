-- expect: api is not 1
return setmetatable({}, { __index = function() while true do end end })
