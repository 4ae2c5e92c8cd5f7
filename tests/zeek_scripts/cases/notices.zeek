# @TEST-DOC: Each row of the outbox becomes a notice and an acknowledgement; a damaged one harms only itself.
# @TEST-EXEC: bash $SCRIPTS/outbox.sh outbox.tsv 'a1|FlowPrint::Unseen_App|CHhAvV|10.9.0.3|53544/tcp|192.0.2.7|443/tcp|New app on 10.9.0.3: a\x09b \x5cx2c|id=a1 novel=a.example|1|app/1|1' 'half|FlowPrint::Unseen' 'a2|FlowPrint::Unseen_App|CQuic6|2001:db8::3|53545/udp|2001:db8::7|443/udp|New app on 2001:db8::3|id=a2|10|app/10|1' 'a3|FlowPrint::Nonsense|-|-|-|-|-|nonsense|-|-|x|1' 'a4|FlowPrint::Unseen_App|CBad00|10.9.0.x|1/tcp|192.0.2.7|443/tcp|a bad address|-|1|bad/1|1' '' 'a5|FlowPrint::Status|-|-|-|-|-|2026-11-21: 288 batches|mode=detect|-|2026-11-21|1' 'a6|FlowPrint::Digest|-|-|-|-|-|2 more new apps|withheld=2|2|2026-11-21|1'
# @TEST-EXEC: zeek -b $FLOWPRINT $SCRIPTS/hand.zeek %INPUT 2> said > acks
# @TEST-EXEC: sort acks > output
# @TEST-EXEC: cat notice.log | zeek-cut -m uid id.orig_h id.orig_p id.resp_h id.resp_p proto note msg sub src dst p n actions suppress_for >> output
# @TEST-EXEC: cat flowprint_ack.log | zeek-cut -m id again | sort >> output
# @TEST-EXEC: grep '^#fields' notice.log | tr '\t' '\n' | tail -n +2 | wc -l | tr -d ' ' >> output
# @TEST-EXEC: sed 's/.*outbox.tsv, line/line/' said | cut -c 1-60 >> output
# @TEST-EXEC: btest-diff output

redef FlowPrint::outbox = "outbox.tsv";
redef ends_after = 5;
