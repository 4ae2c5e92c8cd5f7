# @TEST-DOC: A width of nothing is refused.
# @TEST-EXEC-FAIL: zeek -b $FLOWPRINT %INPUT 2> output
# @TEST-EXEC: grep -q 'must be more than 0' output

redef FlowPrint::window = 0sec;
