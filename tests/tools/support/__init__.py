"""What the tests of attnspec's command line share: the program, dumps written by h5py, truth computed by numpy."""
