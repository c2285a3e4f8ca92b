# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
#
# Reads the linker's map and prints what each part adds to the program.
# -v total=BYTES (of the stripped file)  -v limits="TOTAL LIBRARIES OWN HOOKS"
# Fails when a limit is exceeded. Of merged strings all counts for the first
# object that has them, so parts are exact to about a hundred bytes.

function number(hex,    i, value) {
	for (i = 3; i <= length(hex); i++)
		value = value * 16 + index("0123456789abcdef", tolower(substr(hex, i, 1))) - 1
	return value
}

function part(file) {
	if (file ~ /hooks_data\.o$/) return "hooks"
	if (file ~ /\/obj\/.*\.o$|\.ltrans/) return "own code"
	if (file ~ /lib(lua|mbedtls|curl|inih|cjson|deflate)\.a/) {
		sub(/\.a\(.*/, "", file)
		sub(/.*lib/, "", file)
		return file
	}
	return "musl and gcc"
}

function line(name, bytes, limit) {
	printf "%-20s %8.1f KiB%s\n", name, bytes / 1024, limit ? sprintf("   of %.0f", limit / 1024) : ""
	if (limit && bytes > limit) {
		printf "%s is over its limit by %d bytes\n", name, bytes - limit > "/dev/stderr"
		failed = 1
	}
}

/^Linker script and memory map/ { placed = 1; next }
!placed { next }

# An output section: only what is loaded from the file counts.
/^[._a-z]/ { loaded = $1 ~ /^\.(text|rodata|data|init|fini|eh_frame|tdata|gcc_except)/ }

# " .text.name 0xaddress 0xsize file", cut after the name when that is long.
/^ [.*][^ ]*$/ { next }
loaded && NF >= 3 {
	at = $1 ~ /^0x/ ? 1 : 2
	if ($at ~ /^0x/ && $(at + 1) ~ /^0x/ && $(at + 2) ~ /[.][ao]/)
		bytes[part($(at + 2))] += number($(at + 1))
}

END {
	split(limits, limit, " ")
	count = split("lua mbedtls curl inih cjson deflate", names, " ")
	for (i = 1; i <= count; i++) {
		line(names[i], bytes[names[i]])
		libraries += bytes[names[i]]
	}
	line("musl and gcc", bytes["musl and gcc"])
	libraries += bytes["musl and gcc"]
	rest = total - libraries - bytes["own code"] - bytes["hooks"]
	line("tables and padding", rest)
	line("libraries", libraries, limit[2])
	line("own code", bytes["own code"], limit[3])
	line("hooks", bytes["hooks"], limit[4])
	line("total, stripped", total, limit[1])
	exit failed
}
