# @TEST-DOC: An outbox that is not there at the start is read when it is; so is one whose memory cannot be opened.
# @TEST-EXEC: (sleep 4; bash $SCRIPTS/outbox.sh outbox.tsv 'a1|FlowPrint::Status|-|-|-|-|-|one|-|-|1|1') & zeek -b $FLOWPRINT $SCRIPTS/hand.zeek %INPUT > output 2> said
# @TEST-EXEC: cat notice.log | zeek-cut msg >> output
# @TEST-EXEC: grep -o 'nowhere/memory cannot be opened' said >> output
# @TEST-EXEC: btest-diff output

redef FlowPrint::outbox = "outbox.tsv";
redef FlowPrint::raised_file = "nowhere/memory";
