# @TEST-DOC: What a site says of its other inputs and logs does not matter.
# @TEST-EXEC: bash $SCRIPTS/outbox.sh outbox.tsv 'half' 'a1|FlowPrint::Status|-|-|-|-|-|one|-|-|1|1'
# @TEST-EXEC: zeek -b $FLOWPRINT $SCRIPTS/hand.zeek %INPUT > output
# @TEST-EXEC: grep -v '^#' flowprint_ack.log | cut -f 2,3 >> output
# @TEST-EXEC: grep '^#fields' flowprint_ack.log >> output
# @TEST-EXEC: btest-diff output

redef FlowPrint::outbox = "outbox.tsv";
redef Input::default_reader = Input::READER_RAW;
redef Input::default_mode = Input::MANUAL;
redef InputAscii::separator = ",";
redef InputAscii::unset_field = "NA";
redef InputAscii::fail_on_invalid_lines = T;
redef InputAscii::fail_on_file_problem = T;
redef LogAscii::use_json = T;
redef LogAscii::gzip_level = 1;
redef Log::default_field_name_map = table(["id"] = "nothing");
