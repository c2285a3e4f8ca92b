-- expect: has no function 'issue'
return { api = 1, doc = "Hostile.", issue = setmetatable({}, { __call = print }) }
