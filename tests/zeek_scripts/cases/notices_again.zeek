# @TEST-DOC: What was raised is not raised again after a restart, but is acknowledged; what is new is raised.
# @TEST-EXEC: bash $SCRIPTS/outbox.sh outbox.tsv 'a1|FlowPrint::Status|-|-|-|-|-|one|-|-|1|1'
# @TEST-EXEC: zeek -b $FLOWPRINT $SCRIPTS/hand.zeek %INPUT ends_after=1 > output
# @TEST-EXEC: bash $SCRIPTS/outbox.sh outbox.tsv 'a1|FlowPrint::Status|-|-|-|-|-|one|-|-|1|1' 'a2|FlowPrint::Status|-|-|-|-|-|two|-|-|2|1'
# @TEST-EXEC: mv notice.log first.log
# @TEST-EXEC: zeek -b $FLOWPRINT $SCRIPTS/hand.zeek %INPUT ends_after=2 >> output
# @TEST-EXEC: cat first.log notice.log | zeek-cut note msg >> output
# @TEST-EXEC: btest-diff output

redef FlowPrint::outbox = "outbox.tsv";
