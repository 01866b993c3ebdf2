/* Pi by the area under a curve: every rank adds its strips, and all of them learn the sum. */
#include <math.h>
#include <mpi.h>
#include <stdio.h>

#define STRIPS 10000000

int main(int argc, char **argv) {
  int rank, ranks, length;
  double own = 0, pi;
  char host[MPI_MAX_PROCESSOR_NAME];

  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  MPI_Get_processor_name(host, &length);
  for (int strip = rank; strip < STRIPS; strip += ranks) {
    double x = (strip + 0.5) / STRIPS;
    own += 4 / (1 + x * x) / STRIPS;
  }
  MPI_Allreduce(&own, &pi, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  printf("rank %d of %d on %s: pi is %.10f\n", rank, ranks, host, pi);
  MPI_Finalize();
  return fabs(pi - M_PI) > 1e-9;
}
