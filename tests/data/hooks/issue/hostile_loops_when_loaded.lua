-- expect: its time was over
while true do end
