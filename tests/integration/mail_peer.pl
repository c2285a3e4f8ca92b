# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A server that begins TLS in the middle, by passing on to one that begins at once. usage: mail_peer.pl PORT TLS_PORT WAY
# WAY: smtp submission imap pop3 ftp, or none: it knows no TLS.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($port, $tls_port, $way) = (@ARGV, 'smtp');
my $smtp = ["220-hello\r\n220 there\r\n", 'EHLO' => "250-me\r\n250 STARTTLS\r\n", 'STARTTLS' => "220 go\r\n"];
my %ways = (
    smtp => $smtp,
    submission => $smtp,
    imap => ["* OK hello\r\n", 'a STARTTLS' => "* some news\r\na OK go\r\n"],
    pop3 => ["+OK hello\r\n", 'STLS' => "+OK go\r\n"],
    ftp => ["220 hello\r\n", 'AUTH TLS' => "234 go\r\n"],
    none => ["220 hello\r\n", 'EHLO' => "250 me\r\n", 'STARTTLS' => "502 what?\r\n"],
);
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 16, ReuseAddr => 1)
    or die "port $port: $!\n";
$SIG{PIPE} = 'IGNORE';

sub line {
    my ($peer) = @_;
    my $line = '';
    while ($line !~ /\n$/ && sysread($peer, my $byte, 1)) { $line .= $byte }
    return $line;
}

sub talk {
    my ($peer) = @_;
    my @talk = @{ $ways{$way} };
    syswrite $peer, shift @talk;
    while (my ($wanted, $answer) = splice @talk, 0, 2) {
        line($peer) =~ /^\Q$wanted\E/ or return 0;
        syswrite $peer, $answer;
    }
    return $way ne 'none';
}

while (my $peer = $server->accept) {
    my $far;
    if (talk($peer) and $far = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $tls_port)) {
        my $both = IO::Select->new($peer, $far);
        TUNNEL: while (my @ready = $both->can_read(10)) {
            for my $from (@ready) {
                sysread($from, my $bytes, 65536) or last TUNNEL;
                syswrite($from == $peer ? $far : $peer, $bytes) or last TUNNEL;
            }
        }
    }
    close $peer;
}
