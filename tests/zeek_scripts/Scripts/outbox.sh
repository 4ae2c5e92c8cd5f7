# Writes an outbox of rows whose fields are parted by |, as flowprint-zeek does: aside, then renamed.
# outbox.sh FILE ROW...
file=$1
shift
{
	printf '#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n'
	printf '#path\tflowprint_outbox\n'
	printf '#fields\tid\tnote\tuid\torig_h\torig_p\tresp_h\tresp_p\tmsg\tsub\tn\tidentifier\tasked\n'
	for row; do
		printf '%s\n' "$row" | tr '|' '\t'
	done
} > "$file.new"
mv "$file.new" "$file"
