-- expect: before its deadline and was stopped
while true do end
