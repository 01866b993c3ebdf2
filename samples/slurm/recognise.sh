#!/bin/bash
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --output=/tmp/recognise.out

srun python3 recognise.py
