"""A parent whose workers do as the command line says, without any gateway: prints its exit status."""

import sys
import time

if __name__ == "__main__":
    from troupe.services.gateway.listening import listening_socket
    from troupe.services.gateway.workers import REPORT, Workers

    def never_start(_control):
        raise RuntimeError("there is no model")

    def die_young(control):
        control.send(REPORT.pack(True, 0, 0))
        time.sleep(0.01)
        return 3

    def answer_by_hand(control):
        """Take connections, say who answers, and never report that one has ended."""
        import os
        import socket

        control.send(REPORT.pack(True, 0, 0))
        taken = 0
        while True:
            orders, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if orders in (b"d", b""):
                return 0
            taken += 1
            with socket.socket(fileno=descriptors[0]) as connection:
                connection.send(f"{os.getpid()}\n".encode())
            control.send(REPORT.pack(True, taken, taken))

    work = {"never_start": never_start, "die_young": die_young, "answer_by_hand": answer_by_hand}[sys.argv[1]]
    listener = listening_socket("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    sys.exit(Workers(listener, int(sys.argv[2]), work, patience=1.0).run())
