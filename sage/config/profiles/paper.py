"""The paper's own sizes."""

from sage.config.profiles.sizes import CellBudget, MacaqueBudget, Profile, SearchBudget

PAPER = Profile(
    minutes=36_000,  # 24 to 48 billion examples, by how many networks searches share, at gpu's rate; not measured
    memory_gb=16,  # as gpu
    image_size=32,  # section "Datasets and Preprocessing"
    teacher_images=None,  # 45,000 of CIFAR
    train_images=None,  # likewise
    validation_images=None,  # 5,000
    teacher_blocks=9,  # section 4.1: n = 9
    teacher_width=32,  # not stated; its accuracy is above that of the published narrow net
    teacher_epochs=182,  # He et al. 2016: 64,000 steps of 128 images
    layers=10,  # half of the paper's pool; the other half has 20
    width=1.0,  # 32, 64 and 128 filters
    pool=116,  # section 4.1
    searched=1000,  # section 4.2
    reseeded=24,  # a fifth of the pool
    mature_epochs=300,  # section "CIFAR Training"
    snapshots=(0, 0.25, 0.5, 1, 2, 3, 5, 10, 300),  # the range of Figure 2
    premature_epochs=2,  # Figure 2
    batch_size=128,  # not stated; the usual value on CIFAR
    rdm_units=1000,  # not stated; the authors' published utilities draw as many
    rdm_images=200,  # 116 networks with all snapshots stay under 500 MB
    resamples=5000,  # interval ends settle to 0.005
    search=SearchBudget(
        layers=10,  # the paper has 20 too: parameter layers of the notebook, with samples 2000
        train_images=None,  # 45,000 of CIFAR
        mature_epochs=300,  # section "CIFAR Training"
        epochs=(2, 20),  # Table 1
        samples=1000,  # section 4.2
        every=100,  # section 4.1
        top=5,  # section 4.2
        runs=3,  # section 4.2
        starts=20,  # section "TPE Search Algorithm"
    ),
    cells=CellBudget(
        train_images=None,  # 45,000 of CIFAR
        mature_epochs=300,  # Table 2: E2 = 13.5 million
        epochs=(2,),  # Table 2: E1 = 90,000
        samples=1000,  # section 4.3
        every=1000,  # one checkpoint
        top=10,  # section 4.3
        runs=1,  # section 4.3
        starts=20,  # section "TPE Search Algorithm"
        blocks=5,  # section 4.3
        batch_size=128,  # not stated; the usual value on CIFAR
        repeats=2,  # section 4.3: eight cells
        filters=24,  # not stated
        full_repeats=6,  # Table 2
        full_filters=32,  # Table 2
        full_images=None,  # all 50,000 of CIFAR
        full_epochs=600,  # section "CIFAR Training"
        drop_path_keep=0.6,  # not stated; Zoph et al. 2018
    ),
    macaque=MacaqueBudget(
        train_images=None,  # 1,231,167 of ImageNet
        validation_images=None,  # section 4.4: 50,000
        mature_epochs=40,  # section 4.4
        epochs=(1,),  # section 4.4
        samples=1000,  # section 4.4
        every=1000,  # one checkpoint
        top=10,  # section 4.4
        runs=1,  # section 4.4
        starts=20,  # section "TPE Search Algorithm"
        blocks=5,  # section 4.3
        batch_size=128,  # section "Imagenet Training"
        repeats=2,  # section 4.3: eight cells
        filters=24,  # not stated
        image_size=64,  # section 4.4
        recording_images=640,  # not stated; 3 MB for a network's eight layers
        stimuli=5760,  # section 4.4
        trials=28,  # section "Neural Measurements": 21 to 50
        full_repeats=4,  # Table 3
        full_filters=40,  # Table 3
        full_images=None,  # all of ImageNet's training images
        full_epochs=40,  # section "Imagenet Training"
        full_size=224,  # section "Imagenet Training"
        full_skeleton="imagenet mobile",  # Table 3
        drop_path_keep=1.0,  # section "Imagenet Training"
    ),
)
