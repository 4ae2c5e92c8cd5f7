# @TEST-DOC: Suppression, e-mail and policy hooks work as for any notice, and what they leave out is acknowledged, too.
# @TEST-EXEC: bash $SCRIPTS/outbox.sh outbox.tsv 'a1|FlowPrint::Unseen_App|C1|10.9.0.3|1/tcp|192.0.2.7|443/tcp|first|id=a1|1|app/1|1' 'a2|FlowPrint::Unseen_App|C2|10.9.0.3|2/tcp|192.0.2.7|443/tcp|again|id=a2|1|app/1|1' 'a3|FlowPrint::Unseen_App|C3|10.9.0.3|3/tcp|192.0.2.7|443/tcp|spread|id=a3|10|app/10|1' 'a4|FlowPrint::Status|-|-|-|-|-|status|-|-|d|1'
# @TEST-EXEC: zeek -b $FLOWPRINT $SCRIPTS/hand.zeek %INPUT | sort > output
# @TEST-EXEC: cat notice.log | zeek-cut note msg email_dest suppress_for >> output
# @TEST-EXEC: grep -c ACTION_EMAIL notice.log >> output
# @TEST-EXEC: grep -c '^To: soc@example.com' mail >> output
# @TEST-EXEC: btest-diff output

redef FlowPrint::outbox = "outbox.tsv";
redef ends_after = 4;
redef Notice::mail_dest = "soc@example.com";
redef Notice::sendmail = "sh $SCRIPTS/sendmail.sh";
redef Notice::emailed_types += {FlowPrint::Unseen_App};
redef Notice::type_suppression_intervals += {[FlowPrint::Unseen_App] = 7day};

hook Notice::policy(n: Notice::Info) &priority=-5
	{
	if ( n$note == FlowPrint::Status )
		delete n$actions[Notice::ACTION_LOG];
	}
