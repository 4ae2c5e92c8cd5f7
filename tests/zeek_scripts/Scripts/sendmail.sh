# Stands for sendmail: keeps what is sent.
cat >> mail
