# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# A steady stream of TLS connections, each anew: handshake, verified against one root and for one name, a request, its answer.
#
#   perl tls_stream.pl PORT ROOT NAME OUT
#
# Until TERM. OUT then holds "connections N", "failures N", "certificates N" (different ones seen), and before them the
# first failures, one a line. A failure does not end the stream.
use strict;
use warnings;
use IO::Socket::SSL;

my ($port, $root, $name, $out) = @ARGV;
my ($running, $connections, $failures, %seen) = (1, 0, 0);
$SIG{TERM} = sub { $running = 0 };
$SIG{PIPE} = 'IGNORE';
my $trust = IO::Socket::SSL::SSL_Context->new(SSL_ca_file => $root, SSL_verify_mode => SSL_VERIFY_PEER) or die $SSL_ERROR;
open(my $file, '>', $out) or die "$out: $!";
$file->autoflush(1);

# Nothing when all went well, else what did not.
sub fails {
    my $tls = IO::Socket::SSL->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, SSL_hostname => $name, SSL_reuse_ctx => $trust, Timeout => 10,
        SSL_verifycn_name => $name, SSL_verifycn_scheme => 'http',
    ) or return "connect: $! $SSL_ERROR";
    $seen{$tls->get_fingerprint('sha256')} = 1;
    print $tls "GET / HTTP/1.0\r\n\r\n" or return "request: $!";
    my $answer = do { local $/; <$tls> };
    close $tls;
    return defined $answer && $answer =~ /hello\z/ ? undef : 'no whole answer';
}

while ($running) {
    my $failure = fails();
    last if !$running && $failure; # TERM may have cut it short
    $connections++;
    next if !defined $failure;
    print $file "failure: $failure\n" if $failures++ < 20;
}
print $file "connections $connections\nfailures $failures\ncertificates ", scalar(keys %seen), "\n";
