# @TEST-DOC: The scripts load in a bare Zeek, by default, and after other scripts without a word.
# @TEST-EXEC: zeek -b $FLOWPRINT > output 2>&1
# @TEST-EXEC: zeek $FLOWPRINT >> output 2>&1
# @TEST-EXEC: zeek local $FLOWPRINT >> output 2>&1
# @TEST-EXEC: zeek -b -a $FLOWPRINT >> output 2>&1
# @TEST-EXEC: zeek -b -u $FLOWPRINT 2>&1 | grep zeek_scripts >> output || true
# @TEST-EXEC: test ! -s output
